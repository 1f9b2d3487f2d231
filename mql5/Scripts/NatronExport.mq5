// Writes this chart's closed candles to MQL5\Files\Natron as CSV, oldest first, in server time.
#property copyright "Natron"
#property version   "1.00"
#property script_show_inputs

#include <Natron\NameCode.mqh>

input int Candles = 50000; // How many

#define EXPORT_PIECE 5000

void Write(const int file,const MqlRates &rate)
  {
   FileWriteString(file,TimeToString(rate.time,TIME_DATE|TIME_MINUTES)+","+DoubleToString(rate.open,_Digits)+","+DoubleToString(rate.high,_Digits)+","
                   +DoubleToString(rate.low,_Digits)+","+DoubleToString(rate.close,_Digits)+","+IntegerToString(rate.tick_volume)+"\r\n");
  }

void OnStart(void)
  {
   string name="Natron\\"+CNameCode::Encode(_Symbol)+"_"+IntegerToString(PeriodSeconds(PERIOD_CURRENT)/60)+"min.csv";
   int file=FileOpen(name,FILE_WRITE|FILE_TXT|FILE_ANSI);
   if(file==INVALID_HANDLE)
     {
      Print("Natron export: ",name," cannot be written, error ",GetLastError());
      return;
     }
   FileWriteString(file,"time,open,high,low,close,volume\r\n");
   int written=0;
   int at=Candles;
   while(at>0 && !IsStopped())
     {
      MqlRates rates[];
      int count=at<EXPORT_PIECE ? at : EXPORT_PIECE;
      int had=CopyRates(_Symbol,PERIOD_CURRENT,at-count+1,count,rates);
      for(int i=0; i<had; i++)
         Write(file,rates[i]);
      written+=had>0 ? had : 0;
      at-=count;
     }
   FileClose(file);
   Print("Natron export: ",written," candles in ",name);
  }
