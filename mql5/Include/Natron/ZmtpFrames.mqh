// Received bytes as ZMTP frames. Nothing is believed before it fits the bounds; whole messages wait here, in order.
#include "ZmtpMessage.mqh"

#define ZMTP_FLAG_MORE    1
#define ZMTP_FLAG_LONG    2
#define ZMTP_FLAG_COMMAND 4

enum ENUM_ZMTP_ITEM { ZMTP_ITEM_NONE, ZMTP_ITEM_BROKEN, ZMTP_ITEM_COMMAND, ZMTP_ITEM_DATA };

class CZmtpFrames
  {
private:
   CByteBuffer       m_bytes;
   int               m_head;     // first byte not given on
   int               m_scan;     // first byte not looked at
   int               m_parts;    // frames of the message under way
   int               m_messages; // whole ones that wait
   int               m_frame_max;
   string            m_fault;

   ENUM_ZMTP_ITEM    Broken(const string fault)
     {
      m_fault=fault;
      return(ZMTP_ITEM_BROKEN);
     }
   //--- reads one frame's head at `at`; the body may not be there yet
   ENUM_ZMTP_ITEM    Head(const int at,int &start,int &size)
     {
      int left=m_bytes.Size()-at;
      if(left<2)
         return(ZMTP_ITEM_NONE);
      int flags=(int)m_bytes.At(at);
      if((flags&~7)!=0)
         return(Broken("frame: reserved flags are set"));
      if((flags&ZMTP_FLAG_COMMAND)!=0 && (flags&ZMTP_FLAG_MORE)!=0)
         return(Broken("frame: a command with more to come"));
      start=at+2;
      long length=(long)m_bytes.At(at+1);
      if((flags&ZMTP_FLAG_LONG)!=0)
        {
         if(left<9)
            return(ZMTP_ITEM_NONE);
         length=0;
         for(int i=1; i<=8; i++)
           {
            if(length>m_frame_max)
               return(Broken("frame: larger than allowed"));
            length=length*256+(long)m_bytes.At(at+i);
           }
         start=at+9;
        }
      if(length>m_frame_max)
         return(Broken("frame: larger than allowed"));
      size=(int)length;
      return((flags&ZMTP_FLAG_COMMAND)!=0 ? ZMTP_ITEM_COMMAND : ZMTP_ITEM_DATA);
     }

public:
                     CZmtpFrames(void) { m_frame_max=1023; Clear(); }
   void              FrameMax(const int bytes) { m_frame_max=bytes; }
   string            Fault(void) const { return(m_fault); }
   int               Size(void) const { return(m_bytes.Size()-m_head); }
   uchar             At(const int at) const { return(m_bytes.At(m_head+at)); }
   int               Messages(void) const { return(m_messages); }
   void              Clear(void)
     {
      m_bytes.Clear();
      m_head=0;
      m_scan=0;
      m_parts=0;
      m_messages=0;
      m_fault="";
     }
   void              Add(const uchar &bytes[],const int count) { m_bytes.AddBytes(bytes,0,count); }
   //--- passes over bytes that are no frame: the greeting
   void              Skip(const int count)
     {
      m_head+=count;
      m_scan=m_head;
     }
   //--- looks at the next whole frame; of a command, `command` is a copy
   ENUM_ZMTP_ITEM    Scan(CByteBuffer &command)
     {
      int start=0;
      int size=0;
      ENUM_ZMTP_ITEM item=Head(m_scan,start,size);
      if(item==ZMTP_ITEM_NONE || item==ZMTP_ITEM_BROKEN)
         return(item);
      if(m_bytes.Size()<start+size)
         return(ZMTP_ITEM_NONE);
      bool more=((int)m_bytes.At(m_scan)&ZMTP_FLAG_MORE)!=0;
      m_scan=start+size;
      if(item==ZMTP_ITEM_COMMAND)
        {
         command.Clear();
         command.AddFrom(m_bytes,start,size);
         return(item);
        }
      m_parts++;
      if(m_parts>ZMTP_PARTS_MAX)
         return(Broken("message: more frames than allowed"));
      if(!more)
        {
         m_parts=0;
         m_messages++;
        }
      return(item);
     }
   //--- gives on the oldest whole message
   bool              Take(CZmtpMessage &message)
     {
      message.Clear();
      if(m_messages==0)
         return(false);
      bool more=true;
      while(more)
        {
         int start=0;
         int size=0;
         ENUM_ZMTP_ITEM item=Head(m_head,start,size);
         if(item==ZMTP_ITEM_DATA)
           {
            more=((int)m_bytes.At(m_head)&ZMTP_FLAG_MORE)!=0;
            message.Add(m_bytes,start,size);
           }
         m_head=start+size;
        }
      m_messages--;
      Compact();
      return(true);
     }
   void              Compact(void)
     {
      if(m_messages==0 && m_parts==0)
         m_head=m_scan;
      if(m_head<65536 && m_head<m_bytes.Size())
         return;
      m_bytes.DropFirst(m_head);
      m_scan-=m_head;
      m_head=0;
     }
  };
