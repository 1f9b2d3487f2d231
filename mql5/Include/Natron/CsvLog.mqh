// One line for everything that was decided or done, in a file that a spreadsheet opens.
class CCsvLog
  {
private:
   int               m_handle;
   bool              m_waiting; // lines that are not on the disk yet

   //--- fields are separated by semicolons, so none may hold one
   static string     Clean(const string text)
     {
      string clean=text;
      StringReplace(clean,";",",");
      StringReplace(clean,"\r"," ");
      StringReplace(clean,"\n"," ");
      return(clean);
     }

public:
                     CCsvLog(void) { m_handle=INVALID_HANDLE; m_waiting=false; }
                    ~CCsvLog(void) { Close(); }
   void              Close(void)
     {
      if(m_handle!=INVALID_HANDLE)
         FileClose(m_handle);
      m_handle=INVALID_HANDLE;
     }
   bool              Open(const string name)
     {
      Close();
      m_handle=FileOpen(name,FILE_READ|FILE_WRITE|FILE_TXT|FILE_ANSI|FILE_SHARE_READ);
      if(m_handle==INVALID_HANDLE)
         return(false);
      if(FileSize(m_handle)==0)
         FileWriteString(m_handle,"server_time;event;id;side;lots;price;detail\r\n");
      FileSeek(m_handle,0,SEEK_END);
      return(true);
     }
   void              Write(const string event,const string id,const int side,const double lots,const double price,const string detail)
     {
      string line=TimeToString(TimeTradeServer(),TIME_DATE|TIME_SECONDS)+";"+event+";"+id+";"+IntegerToString(side)+";"+DoubleToString(lots,2)+";"
                  +DoubleToString(price,_Digits)+";"+Clean(detail);
      Print("Natron ",line);
      if(m_handle==INVALID_HANDLE)
         return;
      FileWriteString(m_handle,line+"\r\n");
      m_waiting=true;
      if(side!=0 && lots>0)
         Flush(); // what touched money is kept whatever comes; the rest in a moment: a disk is slower than a burst
     }
   void              Flush(void)
     {
      if(m_waiting && m_handle!=INVALID_HANDLE)
         FileFlush(m_handle);
      m_waiting=false;
     }
  };
